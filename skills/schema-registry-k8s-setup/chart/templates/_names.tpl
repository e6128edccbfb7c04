{{- define "registry.selector" -}}
app.kubernetes.io/name: schema-registry
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: registry
{{- end }}

{{- define "registry.labels" -}}
{{ include "registry.selector" . | indent 0 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* A quarter of a core, or the limit where that is less. */}}
{{- define "registry.cpuRequest" -}}
{{- $cpu := toString .Values.resources.cpu -}}
{{- $milli := ternary (trimSuffix "m" $cpu | int) (mulf (float64 $cpu) 1000 | int) (hasSuffix "m" $cpu) -}}
{{ min 250 $milli }}m
{{- end }}

{{/* The image, its limits and its rights, which every container of the pod shares. */}}
{{- define "registry.container" -}}
image: {{ .Values.image | quote }}
imagePullPolicy: IfNotPresent
resources:
  requests: {cpu: {{ include "registry.cpuRequest" . | quote }}, memory: {{ .Values.resources.memory | quote }}}
  limits: {cpu: {{ .Values.resources.cpu | quote }}, memory: {{ .Values.resources.memory | quote }}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The journal: two registries with one Kafka must not share it. */}}
{{- define "registry.topic" -}}
{{ printf "schemas.%s.%s" .Release.Namespace .Release.Name }}
{{- end }}

{{/* Where schemas are kept, in the image's own variables. */}}
{{- define "registry.storage" -}}
{{- $storage := .Values.storage -}}
{{- if eq $storage.kind "kafka" }}
- {name: APICURIO_STORAGE_KIND, value: kafkasql}
- {name: APICURIO_KAFKASQL_BOOTSTRAP_SERVERS, value: {{ $storage.bootstrapServers | quote }}}
- {name: APICURIO_KAFKASQL_TOPIC, value: {{ include "registry.topic" . | quote }}}
- {name: APICURIO_KAFKASQL_SNAPSHOTS_TOPIC, value: {{ printf "%s.snapshots" (include "registry.topic" .) | quote }}}
- {name: APICURIO_EVENTS_KAFKA_TOPIC, value: {{ printf "%s.events" (include "registry.topic" .) | quote }}}
# A start polls empty topics four times, and waits for each this long: 5000 by default.
- {name: APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT, value: "1000"}
# A write that Kafka does not take is answered after this many milliseconds.
- {name: APICURIO_KAFKASQL_COORDINATOR_RESPONSE_TIMEOUT, value: "10000"}
{{- else }}
- {name: APICURIO_STORAGE_KIND, value: sql}
# The defaults are pools of 20 to 100 connections.
- {name: APICURIO_DATASOURCE_JDBC_INITIAL_SIZE, value: "2"}
- {name: APICURIO_DATASOURCE_JDBC_MIN_SIZE, value: "2"}
- {name: APICURIO_DATASOURCE_JDBC_MAX_SIZE, value: "10"}
{{- if eq $storage.kind "file" }}
- {name: APICURIO_STORAGE_SQL_KIND, value: h2}
# Below the volume's root, where a file system may keep lost+found.
- {name: APICURIO_DATASOURCE_URL, value: "jdbc:h2:file:/var/lib/registry/h2/registry"}
{{- else }}
- {name: APICURIO_STORAGE_SQL_KIND, value: postgresql}
{{- range $variable, $key := dict "DATABASE_HOST" "host" "DATABASE_PORT" "port" "DATABASE_NAME" "dbname" "APICURIO_DATASOURCE_USERNAME" "username" "APICURIO_DATASOURCE_PASSWORD" "password" }}
- name: {{ $variable | quote }}
  valueFrom: {secretKeyRef: {name: {{ $storage.secret | quote }}, key: {{ $key | quote }}}}
{{- end }}
- name: APICURIO_DATASOURCE_URL
  value: {{ printf "jdbc:postgresql://$(DATABASE_HOST):$(DATABASE_PORT)/$(DATABASE_NAME)?connectTimeout=10&socketTimeout=30%s" (ternary "&sslmode=verify-full&sslrootcert=/run/secrets/postgres/ca.crt" "" $storage.verify) | quote }}
{{- end }}
{{- end }}
{{- end }}
