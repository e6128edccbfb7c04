{{- define "kafka.selector" -}}
app.kubernetes.io/name: kafka
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: broker
{{- end }}

{{- define "kafka.labels" -}}
{{ include "kafka.selector" . | indent 0 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* The name of the headless Service, which gives each broker its own. */}}
{{- define "kafka.headless" -}}
{{ .Release.Name }}-brokers
{{- end }}

{{/* Every controller, as id@host:port: the static voters of the quorum. */}}
{{- define "kafka.voters" -}}
{{- $voters := list -}}
{{- range $i := until (int .Values.brokers) -}}
{{- $voters = append $voters (printf "%d@%s-%d.%s.%s.svc:9093" $i $.Release.Name $i (include "kafka.headless" $) $.Release.Namespace) -}}
{{- end -}}
{{ join "," $voters }}
{{- end }}

{{/* How many replicas a topic has, and how many must be in sync for a write. */}}
{{- define "kafka.replicas" -}}
{{ .Values.brokers | toJson }}
{{- end }}
{{- define "kafka.minInSync" -}}
{{ ternary 2 1 (eq (int .Values.brokers) 3) }}
{{- end }}

{{/* A quarter of a core, or the limit where that is less. */}}
{{- define "kafka.cpuRequest" -}}
{{- $cpu := toString .Values.resources.cpu -}}
{{- $milli := ternary (trimSuffix "m" $cpu | int) (mulf (float64 $cpu) 1000 | int) (hasSuffix "m" $cpu) -}}
{{ min 250 $milli }}m
{{- end }}
