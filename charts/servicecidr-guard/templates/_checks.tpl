{{/* What values.schema.json can't say: values that don't go together. */}}
{{- define "servicecidr-guard.checks" -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add 20 .Values.drainDelaySeconds | int) }}
{{- fail (printf "terminationGracePeriodSeconds: must be at least drainDelaySeconds + 20 = %d, or requests are cut off" (add 20 .Values.drainDelaySeconds)) }}
{{- end }}
{{- if eq (int .Values.listen.webhookPort) (int .Values.listen.healthPort) }}
{{- fail "listen.healthPort: must differ from listen.webhookPort" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.podMonitor.enabled: not beside metrics.serviceMonitor.enabled, or everything is counted twice" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor.enabled: needs metrics.service.enabled" }}
{{- end }}
{{- if and .Values.hostNetwork .Values.networkPolicy.enabled }}
{{- fail "networkPolicy.enabled: a NetworkPolicy doesn't hold for pods with hostNetwork" }}
{{- end }}
{{- end }}
