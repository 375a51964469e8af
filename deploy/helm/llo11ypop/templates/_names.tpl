{{- define "llo11ypop.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "llo11ypop.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "llo11ypop.labels" -}}
{{ include "llo11ypop.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "llo11ypop.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  - {name: LLO11YPOP_CONFIG, value: /etc/llo11ypop}
  - {name: LLO11YPOP_SECRETS, value: /run/secrets/llo11ypop}
  {{- if .Values.models }}
  - {name: LLO11YPOP__MODELS__FILE, value: /etc/llo11ypop/models.yaml}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - {name: settings, mountPath: /etc/llo11ypop, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/llo11ypop, readOnly: true}
  - {name: scratch, mountPath: /var/lib/llo11ypop}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.telemetryClaim }}
  - {name: telemetry, mountPath: /telemetry, readOnly: true}
  {{- end }}
{{- end }}
