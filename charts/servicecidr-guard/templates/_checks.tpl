{{/* Checks that values.schema.json can't express: combinations of values. */}}
{{- define "servicecidr-guard.checks" -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add 20 .Values.drainDelaySeconds | int) }}
{{- fail (printf "terminationGracePeriodSeconds: must be at least drainDelaySeconds + 20 = %d, or requests are cut off" (add 20 .Values.drainDelaySeconds)) }}
{{- end }}
{{- if eq (int .Values.listen.webhookPort) (int .Values.listen.healthPort) }}
{{- fail "listen.healthPort: must differ from listen.webhookPort" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.podMonitor.enabled: can't be combined with metrics.serviceMonitor.enabled: Prometheus would scrape every pod twice" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor.enabled: needs metrics.service.enabled" }}
{{- end }}
{{- if and .Values.hostNetwork .Values.networkPolicy.enabled }}
{{- fail "networkPolicy.enabled: a NetworkPolicy has no effect on pods with hostNetwork" }}
{{- end }}
{{- end }}
