{{- define "postgres.selector" -}}
app.kubernetes.io/name: postgres
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: database
{{- end }}

{{- define "postgres.labels" -}}
{{ include "postgres.selector" . | indent 0 }}
app.kubernetes.io/version: {{ .Values.major | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* A quarter of a core, or the limit where that is less. */}}
{{- define "postgres.cpuRequest" -}}
{{- $cpu := toString .Values.resources.cpu -}}
{{- $milli := ternary (trimSuffix "m" $cpu | int) (mulf (float64 $cpu) 1000 | int) (hasSuffix "m" $cpu) -}}
{{ min 250 $milli }}m
{{- end }}

{{/* The memory limit in MiB. */}}
{{- define "postgres.memory" -}}
{{- $memory := .Values.resources.memory -}}
{{ ternary (trimSuffix "Mi" $memory | int) (mul (trimSuffix "Gi" $memory | int) 1024) (hasSuffix "Mi" $memory) }}
{{- end }}

{{/* What the two containers share: the image, its limits, its rights, the volume. */}}
{{- define "postgres.container" -}}
image: {{ .Values.image | quote }}
imagePullPolicy: IfNotPresent
resources:
  requests: {cpu: {{ include "postgres.cpuRequest" . | quote }}, memory: {{ .Values.resources.memory | quote }}}
  limits: {cpu: {{ .Values.resources.cpu | quote }}, memory: {{ .Values.resources.memory | quote }}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings of the server; those of the caller win. */}}
{{- define "postgres.settings" -}}
{{- $memory := include "postgres.memory" . | int -}}
{{- $own := dict
    "hba_file" "/etc/postgresql/pg_hba.conf"
    "listen_addresses" "*"
    "shared_buffers" (printf "%dMB" (div $memory 4))
    "effective_cache_size" (printf "%dMB" (div (mul $memory 3) 4))
    "huge_pages" "off"
-}}
{{- range $name, $value := merge (deepCopy .Values.settings) $own }}
- -c
- {{ printf "%s=%s" $name (ternary $value (toJson $value) (kindIs "string" $value)) | quote }}
{{- end }}
{{- end }}
