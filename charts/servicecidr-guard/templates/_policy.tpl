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
{{- $needs := keys (pick .Values.policy "noOverlap" "removal") | sortAlpha }}
{{- if dig "reservedNetworks" "discover" (list) .Values.policy }}
{{- $needs = append $needs "reservedNetworks.discover" }}
{{- end }}
{{- with $needs }}
{{- fail (printf "policy: %s can't judge with inventory=none: set inventory=cluster, or policy.%s=null" (join ", " .) (join "=null,policy." .)) }}
{{- end }}
{{- end -}}
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
{{ toYaml .Values.policy }}
{{ end }}

{{/* Whether a rule can deny a DELETE: "true" or "". Of all, only denyAll and removal judge one. */}}
{{- define "servicecidr-guard.judgesDelete" -}}
{{- if or (has "DELETE" (dig "denyAll" "operations" (list) .Values.policy)) (hasKey .Values.policy "removal") }}true{{ end }}
{{- end }}

{{/* The actions of each rule in force, as JSON: {rule: [action]}. What a rule doesn't write is the program's default. */}}
{{- define "servicecidr-guard.actions" -}}
{{- $actions := dict }}
{{- range $rule, $default := dict "allowedRanges" "Deny" "denyAll" "Deny" "noOverlap" "Warn" "reservedNetworks" "Deny" "prefixLength" "Deny" "usable" "Warn" }}
{{- if hasKey $.Values.policy $rule }}
{{- $_ := set $actions $rule (dig $rule "validationActions" (list $default) $.Values.policy) }}
{{- end }}
{{- end }}
{{- if hasKey .Values.policy "removal" }}
{{- $_ := set $actions "removal.blocked" (dig "removal" "blocked" (list "Warn") .Values.policy) }}
{{- $_ := set $actions "removal.stranded" (dig "removal" "stranded" (list "Deny") .Values.policy) }}
{{- end }}
{{- toJson $actions }}
{{- end }}
