{{/* What every service of the control plane has in common. Given: root, app, values, image. */}}
{{- define "dapr.image" -}}
{{ if contains "/" .image }}{{ .image }}{{ else }}{{ .root.Values.global.registry }}/{{ .image }}:{{ .root.Values.global.tag }}{{ end }}
{{- end }}

{{- define "dapr.container" -}}
name: {{ .app }}
image: {{ include "dapr.image" . | quote }}
imagePullPolicy: IfNotPresent
livenessProbe:
  httpGet: {path: /healthz, port: 8080}
  {{- toYaml .values.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /healthz, port: 8080}
  {{- toYaml .values.readinessProbe | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
securityContext:
  runAsNonRoot: true
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "dapr.identity-mounts" -}}
- {name: dapr-trust-bundle, mountPath: /var/run/secrets/dapr.io/tls, readOnly: true}
- {name: dapr-identity-token, mountPath: /var/run/secrets/dapr.io/sentrytoken, readOnly: true}
{{- end }}

{{- define "dapr.identity-volumes" -}}
- {name: dapr-trust-bundle, configMap: {name: dapr-trust-bundle}}
- name: dapr-identity-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 600
          audience: spiffe://cluster.local/ns/{{ .root.Release.Namespace }}/dapr-sentry
{{- end }}

{{- define "dapr.meta" -}}
name: {{ .app }}
namespace: {{ .root.Release.Namespace }}
labels: {app: {{ .app }}, app.kubernetes.io/part-of: dapr}
{{- end }}

{{- define "dapr.workload-spec" -}}
replicas: {{ if .root.Values.global.ha.enabled }}3{{ else }}1{{ end }}
selector: {matchLabels: {app: {{ .app }}}}
{{- end }}

{{- define "dapr.mtls-arguments" -}}
- --tls-enabled
- --trust-domain=cluster.local
- --trust-anchors-file=/var/run/secrets/dapr.io/tls/ca.crt
- --sentry-address=dapr-sentry.{{ .root.Release.Namespace }}.svc.cluster.local:443
- --mode=kubernetes
{{- end }}

{{- define "dapr.namespace-variable" -}}
- {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
{{- end }}
