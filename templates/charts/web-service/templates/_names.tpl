{{- define "web.selector" -}}
app.kubernetes.io/name: {{ .Release.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "web.labels" -}}
{{ include "web.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* A tenth of a limit in cores or millicores, at least 10m. */}}
{{- define "web.tenth" -}}
{{- $cpu := toString . -}}
{{- if hasSuffix "m" $cpu -}}
{{ max 10 (div (trimSuffix "m" $cpu | int) 10) }}m
{{- else -}}
{{ max 10 (mulf (float64 $cpu) 100 | int) }}m
{{- end -}}
{{- end }}

{{- define "web.probe" -}}
httpGet: {path: {{ .path | quote }}, port: http}
{{- end }}
