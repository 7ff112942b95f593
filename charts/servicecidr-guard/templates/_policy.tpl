{{/* The policy file. */}}
{{- define "servicecidr-guard.policy" -}}
{{- $rules := list }}
{{- $isSet := false }}
{{- $needs := list }}
{{- range .Files.Get "files/rules.yaml" | fromYamlArray }}
{{- $rules = append $rules .key }}
{{- if hasKey $.Values.policy .key }}
{{- $isSet = true }}
{{- if .requiresInventory }}{{ $needs = append $needs .key }}{{ end }}
{{- end }}
{{- end }}
{{- if not $isSet }}
{{- fail (printf "policy: set at least one of %s" (join ", " $rules)) }}
{{- end }}
{{- if eq .Values.inventory "none" }}
{{- if dig "reservedNetworks" "discover" (list) .Values.policy }}
{{- $needs = append $needs "reservedNetworks.discover" }}
{{- end }}
{{- with $needs }}
{{- fail (printf "policy: %s can't be evaluated with inventory=none: set inventory=cluster, or policy.%s=null" (join ", " .) (join "=null,policy." .)) }}
{{- end }}
{{- end -}}
apiVersion: servicecidr-guard/v1alpha1
kind: Policy
{{ toYaml .Values.policy }}
{{ end }}

{{/* Whether a rule can deny a DELETE: "true" or "". Only denyAll and deletion can. */}}
{{- define "servicecidr-guard.evaluatesDelete" -}}
{{- if or (has "DELETE" (dig "denyAll" "operations" (list) .Values.policy)) (hasKey .Values.policy "deletion") }}true{{ end }}
{{- end }}

{{/* The actions of each rule in force, as JSON: {rule: [action]}. A rule without `validationActions` has the default of the program. */}}
{{- define "servicecidr-guard.actions" -}}
{{- $actions := dict }}
{{- range $rule := .Files.Get "files/rules.yaml" | fromYamlArray }}
{{- if hasKey $.Values.policy $rule.key }}
{{- range $field, $default := $rule.actions }}
{{- $name := eq $field "validationActions" | ternary $rule.key (printf "%s.%s" $rule.key $field) }}
{{- $_ := set $actions $name (dig $rule.key $field $default $.Values.policy) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $actions }}
{{- end }}
