{{/* The name of the chart, or nameOverride. */}}
{{- define "servicecidr-guard.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of every object: release and chart, or only the release if its name contains the name of the chart. */}}
{{- define "servicecidr-guard.fullname" -}}
{{- $name := include "servicecidr-guard.name" . }}
{{- if not (contains $name .Release.Name) }}
{{- $name = printf "%s-%s" .Release.Name $name }}
{{- else }}
{{- $name = .Release.Name }}
{{- end }}
{{- .Values.fullnameOverride | default $name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "servicecidr-guard.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{/* The app.kubernetes.io/name of the pod of `helm test`. */}}
{{- define "servicecidr-guard.probeName" -}}
{{- printf "%s-probe" (include "servicecidr-guard.name" . | trunc 57) }}
{{- end }}

{{/* The labels by which Deployment and Service find the pods. They can't change in an upgrade. */}}
{{- define "servicecidr-guard.selectorLabels" -}}
app.kubernetes.io/name: {{ include "servicecidr-guard.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The labels of every object. The chart's own win over commonLabels. */}}
{{- define "servicecidr-guard.labels" -}}
{{- $own := include "servicecidr-guard.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (merge $own .Values.commonLabels) }}
{{- end }}

{{/*
The metadata of an object. The argument is (list ROOT SUFFIX MORE). MORE can have `labels`, `annotations` and
`clusterScoped`.
*/}}
{{- define "servicecidr-guard.metadata" -}}
{{- $root := index . 0 }}
{{- $more := index . 2 -}}
name: {{ include "servicecidr-guard.fullname" $root }}{{ index . 1 }}
{{- if not $more.clusterScoped }}
namespace: {{ include "servicecidr-guard.namespace" $root }}
{{- end }}
labels:
  {{- toYaml (merge (include "servicecidr-guard.labels" $root | fromYaml) ($more.labels | default dict)) | nindent 2 }}
{{- with merge (dict) ($more.annotations | default dict) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "servicecidr-guard.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "servicecidr-guard.fullname" .) "default") }}
{{- end }}

{{- define "servicecidr-guard.image" -}}
{{- with .Values.image.registry | default (.Values.global).imageRegistry }}{{ trimSuffix "/" . }}/{{ end }}
{{- .Values.image.repository }}
{{- with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The address to listen on, up to the port: IPv6 goes in brackets. */}}
{{- define "servicecidr-guard.listenAddress" -}}
{{- contains ":" .Values.listen.address | ternary (printf "[%s]" .Values.listen.address) .Values.listen.address }}
{{- end }}
