{{/* The name of the chart, or what stands for it. */}}
{{- define "servicecidr-guard.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of everything: release and chart, said once if the release has the chart's name in its own. */}}
{{- define "servicecidr-guard.fullname" -}}
{{- $name := include "servicecidr-guard.name" . }}
{{- if not (contains $name .Release.Name) }}
{{- $name = printf "%s-%s" .Release.Name $name }}
{{- else }}
{{- $name = .Release.Name }}
{{- end }}
{{- .Values.fullnameOverride | default $name | trunc 63 | trimSuffix "-" }}
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

{{- define "servicecidr-guard.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "servicecidr-guard.fullname" .) "default") }}
{{- end }}

{{- define "servicecidr-guard.image" -}}
{{- with .Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- .Values.image.repository }}
{{- with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The address to listen on, up to the port: IPv6 goes in brackets. */}}
{{- define "servicecidr-guard.listenAddress" -}}
{{- contains ":" .Values.listen.address | ternary (printf "[%s]" .Values.listen.address) .Values.listen.address }}
{{- end }}

{{/* The policy file. */}}
{{- define "servicecidr-guard.policy" -}}
{{- $rules := list "allowedRanges" "denyAll" "noOverlap" "reservedNetworks" "prefixLength" "usable" "removal" }}
{{- $isSet := false }}
{{- range $rules }}
{{- $isSet = or $isSet (hasKey $.Values.policy .) }}
{{- end }}
{{- if not $isSet }}
{{- fail (printf "policy: set at least one of %s" (join ", " $rules)) }}
{{- end }}
{{- if eq .Values.inventory "none" }}
{{- $needs := keys (pick .Values.policy "noOverlap" "removal") }}
{{- if or $needs (dig "reservedNetworks" "discover" (list) .Values.policy) }}
{{- fail "policy: noOverlap, removal and reservedNetworks.discover need inventory=cluster" }}
{{- end }}
{{- end -}}
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
{{ toYaml .Values.policy }}
{{ end }}

{{/*
The certificate, as JSON: {subjectAltNames, ca, cert, key}, the last three in base64.

The one in the Secret is kept while it is whole and for the right names. Otherwise a CA signs a new one,
and the CA's key is forgotten. The result stands in the root context, because each include runs anew
and the Secret and the webhook configuration must have the same CA.
*/}}
{{- define "servicecidr-guard.certificate" -}}
{{- if not (hasKey . "Certificate") }}
{{- $fullname := include "servicecidr-guard.fullname" . }}

{{- $dns := list $fullname (printf "%s.%s" $fullname .Release.Namespace) (printf "%s.%s.svc" $fullname .Release.Namespace) }}
{{- $ips := list }}
{{- with .Values.webhook.url }}
{{- $host := (urlParse .).hostname | lower }}
{{- if or (contains ":" $host) (regexMatch "^[0-9.]+$" $host) }}
{{- $ips = list $host }}
{{- else }}
{{- $dns = append $dns $host | uniq }}
{{- end }}
{{- end }}
{{- $names := list }}
{{- range $dns }}{{ $names = append $names (printf "DNS:%s" .) }}{{ end }}
{{- range $ips }}{{ $names = append $names (printf "IP:%s" .) }}{{ end }}
{{- $names = join "," $names }}

{{- $secret := lookup "v1" "Secret" .Release.Namespace (printf "%s-tls" $fullname) }}
{{- $ca := dig "data" "ca.crt" "" $secret }}
{{- $cert := dig "data" "tls.crt" "" $secret }}
{{- $key := dig "data" "tls.key" "" $secret }}
{{- $keptNames := dig "metadata" "annotations" "servicecidr-guard/subject-alt-names" "" $secret }}

{{- if not (and $ca $cert $key (eq $keptNames $names)) }}
{{- $days := int .Values.tls.helm.validityDays }}
{{- $authority := genCAWithKey (printf "%s CA" (trunc 61 $fullname)) $days (genPrivateKey "ecdsa") }}
{{- $leaf := genSignedCertWithKey $fullname $ips $dns $days $authority (genPrivateKey "ecdsa") }}
{{- $ca = $authority.Cert | b64enc }}
{{- $cert = $leaf.Cert | b64enc }}
{{- $key = $leaf.Key | b64enc }}
{{- end }}
{{- $_ := set . "Certificate" (dict "subjectAltNames" $names "ca" $ca "cert" $cert "key" $key) }}
{{- end }}
{{- toJson .Certificate }}
{{- end }}
