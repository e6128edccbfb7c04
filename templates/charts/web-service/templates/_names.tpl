{{- define "web.selector" -}}
app.kubernetes.io/name: {{ .Release.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "web.labels" -}}
{{ include "web.selector" . | indent 0 }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
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

{{/* A mapping of texts: a number is written out in full, never as 6.048e+08. */}}
{{- define "web.texts" -}}
{{- range $name, $value := . }}
{{ $name | quote }}: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- end }}
