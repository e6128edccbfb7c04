{{- define "door.labels" -}}
app.kubernetes.io/name: {{ .Values.service | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{/* Names of consumers and groups are for the whole gateway. */}}
{{- define "door.who" -}}
{{ printf "%s.%s" .Release.Namespace .Values.service }}
{{- end }}

{{- define "door.annotations" -}}
{{- $plugins := list }}
{{- if ne .Values.auth "none" }}
{{- $plugins = concat $plugins (list (printf "%s-%s" .Values.service .Values.auth) (printf "%s-group" .Values.service)) }}
{{- end }}
{{- if .Values.limit }}
{{- $plugins = append $plugins (printf "%s-limit" .Values.service) }}
{{- end -}}
konghq.com/strip-path: {{ .Values.strip | quote }}
{{- with $plugins }}
konghq.com/plugins: {{ join "," . | quote }}
{{- end }}
{{- end }}
