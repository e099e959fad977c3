{{- /* The labels of an object; call it with (dict "root" $ "component" "controller"). */ -}}
{{- define "linflow.labels" -}}
{{ include "linflow.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end }}

{{- /* The labels that never change, since a Deployment's selector can't. */ -}}
{{- define "linflow.selector" -}}
app.kubernetes.io/name: linflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* The name of an object of the whole cluster: two releases in two namespaces don't meet there. */ -}}
{{- define "linflow.clusterName" -}}
{{ printf "%s-%s-%s" .root.Release.Namespace .root.Release.Name .name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "linflow.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}:{{ $tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* "true" where the snapshotter and its classes are to be there. */ -}}
{{- define "linflow.hasSnapshots" -}}
{{- $known := .Capabilities.APIVersions.Has "snapshot.storage.k8s.io/v1/VolumeSnapshotClass" -}}
{{- if or (eq .Values.snapshots.enabled "always") (and (eq .Values.snapshots.enabled "auto") $known) }}true{{ end }}
{{- end }}

{{- /* What both roles are told. */ -}}
{{- define "linflow.args" -}}
- --driver-name={{ .Values.driverName }}
- {{ printf "--linstor-url=%s" .Values.linstor.url | quote }}
- --linstor-in-flight={{ .Values.linstor.inFlight }}
- --linstor-read-timeout={{ .Values.linstor.readTimeout }}
- --linstor-write-timeout={{ .Values.linstor.writeTimeout }}
{{- if .Values.linstor.tls.ca.secretName }}
- --root-ca=/etc/linflow/linstor/ca.crt
{{- end }}
{{- if .Values.linstor.tls.client.secretName }}
- --user-certificate=/etc/linflow/linstor/tls.crt
- --user-key=/etc/linflow/linstor/tls.key
{{- end }}
{{- if .Values.linstor.token.secretName }}
- --bearer-token-file=/etc/linflow/linstor/token
{{- end }}
{{- range $name, $namespaces := .Values.airflow.instances }}
- --airflow-instance={{ $name }}={{ join "," $namespaces }}
{{- end }}
- --confirm={{ .Values.confirm }}
{{- with .Values.maxVolumesPerNode }}
- --max-volumes-per-node={{ . }}
{{- end }}
- --log-format={{ .Values.log.format }}
- {{ printf "--log=%s" .Values.log.filter | quote }}
{{- end }}

{{- /* The same of LINSTOR for `kubectl exec … -- linflow doctor` and the other commands in the container. */ -}}
{{- define "linflow.env" -}}
- name: LINFLOW_DRIVER_NAME
  value: {{ .Values.driverName | quote }}
- name: LINFLOW_LINSTOR_URL
  value: {{ .Values.linstor.url | quote }}
{{- if .Values.linstor.tls.ca.secretName }}
- name: LINFLOW_ROOT_CA
  value: /etc/linflow/linstor/ca.crt
{{- end }}
{{- if .Values.linstor.tls.client.secretName }}
- name: LINFLOW_USER_CERTIFICATE
  value: /etc/linflow/linstor/tls.crt
- name: LINFLOW_USER_KEY
  value: /etc/linflow/linstor/tls.key
{{- end }}
{{- if .Values.linstor.token.secretName }}
- name: LINFLOW_BEARER_TOKEN_FILE
  value: /etc/linflow/linstor/token
{{- end }}
{{- end }}

{{- /* What LINSTOR asks of a client; empty where it asks for nothing. Whole directories are mounted, never a subPath,
so that a renewed secret arrives in the container. */ -}}
{{- define "linflow.credentials" -}}
{{- $tls := .Values.linstor.tls -}}
{{- with $tls.ca }}{{ if .secretName }}
- secret:
    name: {{ .secretName }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}{{ end }}
{{- with $tls.client }}{{ if .secretName }}
- secret:
    name: {{ .secretName }}
    items:
      - key: {{ .certificateKey }}
        path: tls.crt
      - key: {{ .privateKeyKey }}
        path: tls.key
{{- end }}{{ end }}
{{- with .Values.linstor.token }}{{ if .secretName }}
- secret:
    name: {{ .secretName }}
    items:
      - key: {{ .key }}
        path: token
{{- end }}{{ end }}
{{- end }}

{{- define "linflow.credentialsMount" -}}
{{- if include "linflow.credentials" . -}}
- name: linstor-credentials
  mountPath: /etc/linflow/linstor
  readOnly: true
{{- end }}
{{- end }}

{{- define "linflow.credentialsVolume" -}}
{{- with include "linflow.credentials" . -}}
- name: linstor-credentials
  projected:
    defaultMode: 288 # 0440: the group is the pod's
    sources: {{- . | trim | nindent 6 }}
{{- end }}
{{- end }}

{{- /* Whether the node plugin asks Kubernetes: where its pods' manifests are in a directory, it does not. */ -}}
{{- define "linflow.nodeAsks" -}}
{{- if not .Values.node.podManifests }}true{{ end }}
{{- end }}

{{- /* The token of the pod's service account, for the containers that mount it. */ -}}
{{- define "linflow.kubernetesVolume" -}}
- name: kubernetes-api
  projected:
    defaultMode: 288 # 0440: the group is the pod's
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}

{{- define "linflow.kubernetesMount" -}}
- name: kubernetes-api
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end }}

{{- /* The probes of a linflow container. A node mounts without LINSTOR and a restart would not bring LINSTOR back, so
only the process itself is asked whether it lives. */ -}}
{{- define "linflow.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: admin
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 5
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 10
  timeoutSeconds: 3
{{- end }}

{{- /* The security of every container that is not the node plugin (Pod Security Standards, restricted). */ -}}
{{- define "linflow.restricted" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- /* One sidecar; call it with (dict "root" $ "name" "csi-attacher" "sidecar" .Values.sidecars.attacher "args" (list …)).
Each finds the same socket, elects its leader, and serves its own health and metrics. */ -}}
{{- define "linflow.sidecar" -}}
{{- $common := .root.Values.sidecars -}}
- name: {{ .name }}
  image: {{ .sidecar.image }}
  imagePullPolicy: {{ $common.pullPolicy }}
  args:
    - --csi-address=/csi/csi.sock
    - --leader-election
    - --leader-election-namespace=$(NAMESPACE)
    - --timeout={{ $common.timeout }}
    - --retry-interval-start={{ $common.retryIntervalStart }}
    - --retry-interval-max={{ $common.retryIntervalMax }}
    - --kube-api-qps={{ $common.kubeApiQps }}
    - --kube-api-burst={{ $common.kubeApiBurst }}
    - --http-endpoint=:{{ .sidecar.httpPort }}
    - --v={{ $common.logLevel }}
    {{- range .args }}
    - {{ . }}
    {{- end }}
  env:
    - name: NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
  ports:
    - name: {{ trimPrefix "csi-" .name }}
      containerPort: {{ .sidecar.httpPort }}
  livenessProbe:
    httpGet:
      path: /healthz/leader-election
      port: {{ trimPrefix "csi-" .name }}
    initialDelaySeconds: 10
    periodSeconds: 20
    timeoutSeconds: 10
  {{- include "linflow.restricted" . | nindent 2 }}
  resources: {{- toYaml $common.resources | nindent 4 }}
  volumeMounts:
    - name: socket
      mountPath: /csi
    {{- include "linflow.kubernetesMount" . | nindent 4 }}
{{- end }}
