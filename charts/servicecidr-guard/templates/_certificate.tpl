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

{{/* The Secret with the certificate, or with the CA if it is managed. Each mode has its own, so that no two ever write the same. */}}
{{- define "servicecidr-guard.tlsSecret" -}}
{{- if eq .Values.tls.mode "managed" }}
{{- include "servicecidr-guard.fullname" . }}-managed-ca
{{- else if eq .Values.tls.mode "certManager" }}
{{- include "servicecidr-guard.fullname" . }}-cert-manager-tls
{{- else }}
{{- required "tls.existingSecret.name: tls.mode=existingSecret needs one" .Values.tls.existingSecret.name }}
{{- end }}
{{- end }}

{{/* The CA that kube-apiserver trusts, in base64; nothing where another sets it or its system's CAs will do. */}}
{{- define "servicecidr-guard.caBundle" -}}
{{- if eq .Values.tls.mode "existingSecret" }}
{{- .Values.tls.existingSecret.caBundle | b64enc }}
{{- end }}
{{- end }}

{{/* "true" if the pods call kube-apiserver, else nothing. */}}
{{- define "servicecidr-guard.usesApiServer" -}}
{{- if or (eq .Values.inventory "cluster") (eq .Values.tls.mode "managed") }}true{{ end }}
{{- end }}
