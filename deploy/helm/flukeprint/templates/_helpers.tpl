{{- define "flukeprint.name" -}}
{{- if contains "flukeprint" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-flukeprint" (.Release.Name | trunc 29) }}{{ end }}
{{- end }}

{{- define "flukeprint.selector" -}}
app.kubernetes.io/name: flukeprint
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flukeprint.labels" -}}
{{ include "flukeprint.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "flukeprint.filesClaim" -}}
{{ .Values.files.existingClaim | default (printf "%s-files" (include "flukeprint.name" .)) }}
{{- end }}

{{/* What a schema can't say: values that contradict each other. */}}
{{- define "flukeprint.check" -}}
{{- $most := ternary .Values.autoscaling.maxReplicas .Values.replicas .Values.autoscaling.enabled | int }}
{{- if and (gt $most 1) (ne .Values.files.accessMode "ReadWriteMany") (not .Values.files.existingClaim) }}
{{- fail (printf "files.accessMode is %s, and up to %d replicas share the files: give ReadWriteMany with a storage class that has it, or replicas: 1" .Values.files.accessMode $most) }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail (printf "autoscaling.minReplicas is %v, more than autoscaling.maxReplicas, %v" .Values.autoscaling.minReplicas .Values.autoscaling.maxReplicas) }}
{{- end }}
{{- if and .Values.gpu.enabled (not (contains "gpu" .Values.image.tag)) }}
{{- fail (printf "gpu.enabled needs the image built with FAISS=gpu, and image.tag is %s: give image.tag, such as gpu" .Values.image.tag) }}
{{- end }}
{{- if and .Values.backup.enabled (not .Values.backup.claim) }}
{{- fail "backup.enabled needs backup.claim, the name of a PersistentVolumeClaim for the backups" }}
{{- end }}
{{- end }}

{{- define "flukeprint.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "flukeprint.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What every container of the image needs: settings, secrets, files, room for uploads. */}}
{{- define "flukeprint.container" -}}
image: {{ printf "%s:%s" .Values.image.repository .Values.image.tag | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "flukeprint.containerSecurity" . | nindent 2 }}
envFrom:
  - configMapRef: {name: {{ include "flukeprint.name" . }}}
env:
  - name: PGPASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Values.catalogue.passwordSecret.name }}
        key: {{ .Values.catalogue.passwordSecret.key }}
  {{- range $name, $secret := .Values.secretSettings }}
  - name: FLUKEPRINT_{{ upper $name }}
    valueFrom:
      secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}
  {{- end }}
{{- end }}

{{- define "flukeprint.pod" -}}
securityContext:
  {{- include "flukeprint.podSecurity" . | nindent 2 }}
serviceAccountName: {{ include "flukeprint.name" . }}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "flukeprint.volumes" -}}
- name: files
  persistentVolumeClaim: {claimName: {{ include "flukeprint.filesClaim" . }}}
- name: scratch
  emptyDir: {}
{{- end }}

{{- define "flukeprint.mounts" -}}
- {name: files, mountPath: /catalogue}
- {name: scratch, mountPath: /tmp}
{{- end }}
