{{/* The names that the certificate must have, as JSON: {dns, ips}. */}}
{{- define "servicecidr-guard.names" -}}
{{- $service := include "servicecidr-guard.fullname" . }}
{{- $namespace := include "servicecidr-guard.namespace" . }}
{{- $dns := list $service (printf "%s.%s" $service $namespace) (printf "%s.%s.svc" $service $namespace) }}
{{- $ips := list }}
{{- with .Values.webhook.url }}
{{- $host := (urlParse .).hostname | lower }}
{{- if or (contains ":" $host) (regexMatch "^[0-9.]+$" $host) }}
{{- $ips = list $host }}
{{- else }}
{{- $dns = append $dns $host | uniq }}
{{- end }}
{{- end }}
{{- toJson (dict "dns" $dns "ips" $ips) }}
{{- end }}

{{/* The Secret that the pods read. Each mode has its own, so that no two ever write the same. */}}
{{- define "servicecidr-guard.tlsSecret" -}}
{{- if eq .Values.tls.mode "helm" }}
{{- include "servicecidr-guard.fullname" . }}-tls
{{- else if eq .Values.tls.mode "cert-manager" }}
{{- include "servicecidr-guard.fullname" . }}-cert-manager-tls
{{- else }}
{{- required "tls.existingSecret.name: tls.mode=existingSecret needs one" .Values.tls.existingSecret.name }}
{{- end }}
{{- end }}

{{/*
With tls.mode=helm, the certificate as JSON: {annotations, data, caBundle}, the last two in base64.

The certificate in the Secret is kept while it is complete, has the right names and the same `rotate`, and does not
expire soon.
Otherwise a CA signs a new one, the key of the CA is discarded, and the previous CA stays in the bundle: pods serve their
old certificate until the kubelet has updated the volume. The root context caches the result: each include runs again,
and the Secret and the webhook configuration must have the same CA.
*/}}
{{- define "servicecidr-guard.certificate" -}}
{{- if not (hasKey . "Certificate") }}
{{- $values := .Values.tls.helm }}
{{- if ge (int $values.renewBeforeDays) (int $values.validityDays) }}
{{- fail "tls.helm.renewBeforeDays: must be less than tls.helm.validityDays" }}
{{- end }}
{{- $fullname := include "servicecidr-guard.fullname" . }}
{{- $names := include "servicecidr-guard.names" . | fromJson }}
{{- $said := list }}
{{- range $names.dns }}{{ $said = append $said (printf "DNS:%s" .) }}{{ end }}
{{- range $names.ips }}{{ $said = append $said (printf "IP:%s" .) }}{{ end }}
{{- $said = join "," $said }}

{{- $secret := lookup "v1" "Secret" (include "servicecidr-guard.namespace" .) (include "servicecidr-guard.tlsSecret" .) | default dict }}
{{- $data := pick ($secret.data | default dict) "ca.crt" "tls.crt" "tls.key" "previous-ca.crt" }}
{{- $annotations := pick (dig "metadata" "annotations" (dict) $secret) "servicecidr-guard/subject-alt-names" "servicecidr-guard/rotate" "servicecidr-guard/not-after" }}
{{- /* In RFC 3339 and UTC, the order of dates is that of their text. */}}
{{- $time := "2006-01-02T15:04:05Z" }}
{{- $soon := dateInZone $time (now | dateModify (printf "%dh" (mul 24 $values.renewBeforeDays))) "UTC" }}
{{- $isWhole := and (get $data "ca.crt") (get $data "tls.crt") (get $data "tls.key") }}
{{- $isRight := and (eq (get $annotations "servicecidr-guard/subject-alt-names") $said) (eq (get $annotations "servicecidr-guard/rotate") $values.rotate) }}
{{- if not (and $isWhole $isRight (gt (get $annotations "servicecidr-guard/not-after") $soon)) }}
{{- $days := int $values.validityDays }}
{{- $authority := genCAWithKey (printf "%s CA" (trunc 61 $fullname)) $days (genPrivateKey "ecdsa") }}
{{- $leaf := genSignedCertWithKey $fullname $names.ips $names.dns $days $authority (genPrivateKey "ecdsa") }}
{{- $previous := get $data "ca.crt" }}
{{- $data = dict "ca.crt" ($authority.Cert | b64enc) "tls.crt" ($leaf.Cert | b64enc) "tls.key" ($leaf.Key | b64enc) }}
{{- with $previous }}
{{- $_ := set $data "previous-ca.crt" . }}
{{- end }}
{{- $notAfter := dateInZone $time (now | dateModify (printf "%dh" (mul 24 $days))) "UTC" }}
{{- $annotations = dict "servicecidr-guard/subject-alt-names" $said "servicecidr-guard/rotate" $values.rotate "servicecidr-guard/not-after" $notAfter }}
{{- end }}
{{- $bundle := printf "%s%s" (get $data "ca.crt" | b64dec) (get $data "previous-ca.crt" | b64dec) | b64enc }}
{{- $_ := set . "Certificate" (dict "annotations" $annotations "data" $data "caBundle" $bundle) }}
{{- end }}
{{- toJson .Certificate }}
{{- end }}

{{/* The CA that kube-apiserver trusts, in base64; nothing where another sets it or its system's CAs will do. */}}
{{- define "servicecidr-guard.caBundle" -}}
{{- if eq .Values.tls.mode "helm" }}
{{- (include "servicecidr-guard.certificate" . | fromJson).caBundle }}
{{- else if eq .Values.tls.mode "existingSecret" }}
{{- .Values.tls.existingSecret.caBundle | b64enc }}
{{- end }}
{{- end }}
