{{/* The parts that the services of the control plane share. Given: root, app, values, image. */}}
{{- define "dapr.image" -}}
{{- $pulled := printf "%s/%s:%v" .root.Values.global.registry .image .root.Values.global.tag }}
{{- ternary .image $pulled (contains "/" .image) | quote }}
{{- end }}

{{- define "dapr.container" -}}
name: {{ .app | quote }}
image: {{- include "dapr.image" . | nindent 2 }}
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
  seccompProfile: {type: RuntimeDefault}
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
          audience: {{ printf "spiffe://cluster.local/ns/%s/dapr-sentry" .root.Release.Namespace | quote }}
{{- end }}

{{- define "dapr.meta" -}}
name: {{ .app | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels: {app: {{ .app | quote }}, app.kubernetes.io/part-of: dapr}
{{- end }}

{{- define "dapr.replicas" -}}
{{ if .Values.global.ha.enabled }}3{{ else }}1{{ end }}
{{- end }}

{{/* An argument with each replica of a StatefulSet as name=address, by commas. Given: root, argument,
     app, port; hosts, where it is more than a port, and its scheme. */}}
{{- define "dapr.peers" -}}
{{- $all := list }}
{{- range $i := until (include "dapr.replicas" .root | int) }}
{{- $name := printf "%s-%d" $.app $i }}
{{- $host := ternary "" (printf "%s.%s.%s.svc.cluster.local:" $name $.app $.root.Release.Namespace) (empty $.hosts) }}
{{- $all = append $all (printf "%s=%s%s%v" $name (default "" $.scheme) $host $.port) }}
{{- end }}
{{- printf "%s=%s" .argument (join "," $all) | quote }}
{{- end }}

{{- define "dapr.sentry-address" -}}
{{ printf "dapr-sentry.%s.svc.cluster.local:443" .Release.Namespace | quote }}
{{- end }}

{{- define "dapr.mtls-arguments" -}}
- --tls-enabled
- --trust-domain=cluster.local
- --trust-anchors-file=/var/run/secrets/dapr.io/tls/ca.crt
- {{ printf "--sentry-address=dapr-sentry.%s.svc.cluster.local:443" .root.Release.Namespace | quote }}
- --mode=kubernetes
{{- end }}

{{- define "dapr.namespace-variable" -}}
- {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
{{- end }}

{{- define "dapr.apart" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector: {matchLabels: {app: {{ .app | quote }}}}
{{- end }}
