{{- define "redis.selector" -}}
app.kubernetes.io/name: redis
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: database
{{- end }}

{{- define "redis.labels" -}}
{{ include "redis.selector" . | indent 0 }}
app.kubernetes.io/version: {{ .Values.dataVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* A tenth of a core, or the limit where that is less. */}}
{{- define "redis.cpuRequest" -}}
{{- $cpu := toString .Values.resources.cpu -}}
{{- $milli := ternary (trimSuffix "m" $cpu | int) (mulf (float64 $cpu) 1000 | int) (hasSuffix "m" $cpu) -}}
{{ min 100 $milli }}m
{{- end }}

{{/* The memory limit in MiB. */}}
{{- define "redis.memory" -}}
{{- $memory := .Values.resources.memory -}}
{{ ternary (trimSuffix "Mi" $memory | int) (mul (trimSuffix "Gi" $memory | int) 1024) (hasSuffix "Mi" $memory) }}
{{- end }}

{{/* Settings of the server; those of the caller win. */}}
{{- define "redis.conf" -}}
{{- $own := dict
    "aclfile" "/run/secrets/redis/users.acl"
    "appendfsync" "everysec"
    "appendonly" "yes"
    "dir" "/data"
    "maxmemory" (printf "%dmb" (div (mul (include "redis.memory" . | int) 6) 10))
    "maxmemory-policy" "noeviction"
    "port" "6379"
    "save" "\"\""
-}}
{{- range $name, $value := merge (deepCopy .Values.settings) $own }}
{{ $name }} {{ ternary (ternary "yes" "no" (eq (toString $value) "true")) (ternary $value (toJson $value) (kindIs "string" $value)) (kindIs "bool" $value) }}
{{- end }}
{{- end }}
