{{/* What each part is called and labelled by; the argument is the part's name. */}}
{{- define "argocd.selector" -}}
app.kubernetes.io/name: {{ printf "argocd-%s" . | quote }}
app.kubernetes.io/instance: argocd
{{- end }}

{{- define "argocd.labels" -}}
{{- include "argocd.selector" . | nindent 0 }}
app.kubernetes.io/component: {{ . | quote }}
app.kubernetes.io/part-of: argocd
{{- end }}

{{/* `part` and `root`: the pod's labels, with what a change of settings changes. */}}
{{- define "argocd.podMeta" -}}
labels: {{- include "argocd.labels" .part | nindent 2 }}
annotations:
  checksum/settings: {{ toJson .root.Values.configs | sha256sum | quote }}
{{- end }}

{{- define "argocd.image" -}}
{{- printf "%s:%s" .Values.global.image.repository .Values.global.image.tag }}
{{- end }}

{{- define "argocd.security" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* The cache, and the settings that the programs read from their environment. */}}
{{- define "argocd.environment" -}}
- {name: REDIS_SERVER, value: "argocd-redis:6379"}
- {name: REDIS_PASSWORD, valueFrom: {secretKeyRef: {name: argocd-redis, key: auth}}}
- name: ARGOCD_RECONCILIATION_TIMEOUT
  valueFrom: {configMapKeyRef: {name: argocd-cm, key: timeout.reconciliation, optional: true}}
{{- end }}

{{/* A probe of /healthz at a port: `port`, and the probe's own fields. */}}
{{- define "argocd.probe" -}}
httpGet: {path: /healthz, port: {{ .port | toJson }}}
{{- toYaml (omit .probe "enabled") | nindent 0 }}
{{- end }}
