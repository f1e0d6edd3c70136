{{- define "portcullis.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* 50 characters: a Service's name may have 63, and "-operator" comes behind it. */}}
{{- define "portcullis.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "portcullis.selector" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "portcullis.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "portcullis.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "portcullis.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{/* How the world reaches the gate: said, or read off the one route that leads to it. */}}
{{- define "portcullis.publicUrl" -}}
{{- $said := dig "public" "url" "" .Values.config }}
{{- if $said }}
{{- $said }}
{{- else if and .Values.ingress.enabled .Values.ingress.host }}
{{- printf "https://%s" .Values.ingress.host }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames }}
{{- printf "https://%s" (first .Values.httpRoute.hostnames) }}
{{- else }}
{{- fail "config.public.url: say how the world reaches this gate, such as https://gate.example.com (or set ingress.host): links and step tokens are built on it" }}
{{- end }}
{{- end }}

{{/* The values' `config` with what the chart itself decides laid over it; as JSON. */}}
{{- define "portcullis.config" -}}
{{- $name := include "portcullis.fullname" . }}
{{- $config := deepCopy .Values.config }}
{{- $public := dict "listen" (printf "%s:8080" .Values.listenAddress) "url" (include "portcullis.publicUrl" .) }}
{{- if .Values.tls.existingSecret }}
{{- $_ := set $public "certificate" (printf "/etc/portcullis/tls/%s" .Values.tls.certificateKey) }}
{{- $_ := set $public "key" (printf "/etc/portcullis/tls/%s" .Values.tls.privateKeyKey) }}
{{- end }}
{{- $_ := set $config "public" (mergeOverwrite (default dict $config.public) $public) }}
{{- $operator := default dict $config.operator }}
{{- $service := printf "%s-operator" $name }}
{{- $own := list $service (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s.svc.cluster.local" $service .Release.Namespace) }}
{{- $_ := set $operator "listen" (printf "%s:8081" .Values.listenAddress) }}
{{- $_ := set $operator "expose" true }}
{{- $_ := set $operator "hosts" (concat $own (default list $operator.hosts)) }}
{{- $_ := set $config "operator" $operator }}
{{- $_ := set $config "store" (mergeOverwrite (default dict $config.store) (dict "url" "sqlite:/var/lib/portcullis/portcullis.db")) }}
{{- if .Values.policies.existingConfigMap }}
{{- $_ := set $config "policies" (mergeOverwrite (default dict $config.policies) (dict "path" "/etc/portcullis/policies")) }}
{{- end }}
{{- toJson $config }}
{{- end }}

{{/* One value as TOML on one line. Helm's own toToml writes `count = 2.0`, which is no whole number. */}}
{{- define "portcullis.inline" -}}
{{- if kindIs "map" . }}
{{- $parts := list }}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{- $parts = append $parts (printf "%s = %s" $key (include "portcullis.inline" $value)) }}
{{- end }}
{{- end }}
{{- printf "{ %s }" (join ", " $parts) }}
{{- else if kindIs "slice" . }}
{{- $parts := list }}
{{- range . }}
{{- $parts = append $parts (include "portcullis.inline" .) }}
{{- end }}
{{- printf "[%s]" (join ", " $parts) }}
{{- else if and (kindIs "float64" .) (eq . (floor .)) }}
{{- printf "%d" (int64 .) }}
{{- else }}
{{- toJson . }}
{{- end }}
{{- end }}

{{- define "portcullis.section" -}}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "portcullis.inline" $value }}
{{- end }}
{{- end }}
{{- end }}

{{- define "portcullis.toml" -}}
# Written by the chart from its values; the pod starts again when this text changes.
{{- $config := fromJson (include "portcullis.config" .) }}
{{- range $name, $value := $config }}
{{- if not (or (kindIs "map" $value) (kindIs "slice" $value) (kindIs "invalid" $value)) }}
{{ $name }} = {{ include "portcullis.inline" $value }}
{{- end }}
{{- end }}
{{- range $name, $section := $config }}
{{- if kindIs "map" $section }}

[{{ $name }}]
{{- include "portcullis.section" $section }}
{{- else if kindIs "slice" $section }}
{{- range $section }}

[[{{ $name }}]]
{{- include "portcullis.section" . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
