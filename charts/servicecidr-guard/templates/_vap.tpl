{{/*
The rules of the policy that the ValidatingAdmissionPolicy contains, as JSON: {parts, leftOut}. A part is
{rule, actions, data, evaluatesDelete}: the validation actions of the rule, and the data that its CEL reads.
*/}}
{{- define "servicecidr-guard.vap.parts" -}}
{{- $policy := .Values.policy }}
{{- $parts := list }}
{{- $leftOut := list }}
{{- $defaults := dict }}
{{- range .Files.Get "files/rules.yaml" | fromYamlArray }}
{{- if and .requiresInventory (hasKey $policy .key) }}{{ $leftOut = append $leftOut .key }}{{ end }}
{{- $_ := set $defaults .key .actions.validationActions }}
{{- end }}
{{- if hasKey $policy "denyAll" }}
{{- $operations := dig "operations" (list "CREATE" "UPDATE") $policy.denyAll }}
{{- $parts = append $parts (dict "rule" "denyAll" "data" $operations "evaluatesDelete" (has "DELETE" $operations)) }}
{{- end }}
{{- if hasKey $policy "allowedRanges" }}
{{- $parts = append $parts (dict "rule" "allowedRanges" "data" $policy.allowedRanges.ranges) }}
{{- end }}
{{- with $policy.prefixLength }}
{{- $ipv4 := list (dig "ipv4" "shortest" 0 .) (dig "ipv4" "longest" 32 .) }}
{{- $ipv6 := list (dig "ipv6" "shortest" 0 .) (dig "ipv6" "longest" 128 .) }}
{{- $parts = append $parts (dict "rule" "prefixLength" "data" (dict "IPv4" $ipv4 "IPv6" $ipv6)) }}
{{- end }}
{{- if hasKey $policy "reservedNetworks" }}
{{- $networks := include "servicecidr-guard.vap.networks" . | fromJsonArray }}
{{- with $networks }}
{{- $parts = append $parts (dict "rule" "reservedNetworks" "data" .) }}
{{- end }}
{{- with $policy.reservedNetworks.discover }}
{{- $leftOut = append $leftOut "reservedNetworks.discover" }}
{{- end }}
{{- end }}
{{- if hasKey $policy "usable" }}
{{- if $policy.ipFamilies }}
{{- $parts = append $parts (dict "rule" "usable" "data" $policy.ipFamilies) }}
{{- else }}
{{- $leftOut = append $leftOut "usable (needs policy.ipFamilies)" }}
{{- end }}
{{- end }}
{{- range $part := $parts }}
{{- $actions := dig $part.rule "validationActions" (get $defaults $part.rule) $policy }}
{{- $ordered := list }}
{{- range list "Deny" "Warn" "Audit" }}
{{- if has . $actions }}{{ $ordered = append $ordered . }}{{ end }}
{{- end }}
{{- $_ := set $part "actions" $ordered }}
{{- $length := toRawJson $part.data | len }}
{{- if gt $length 100000 }}
{{- fail (printf "validatingAdmissionPolicy.enabled: policy.%s: %d characters of CEL are more than the 100000 that kube-apiserver accepts in an expression" $part.rule $length) }}
{{- end }}
{{- end }}
{{- if not $parts }}
{{- fail "validatingAdmissionPolicy.enabled: no rule of the policy can be expressed in CEL" }}
{{- end }}
{{- dict "parts" $parts "leftOut" $leftOut | toRawJson }}
{{- end }}

{{/* The declared networks and those of the presets, as JSON: a list of {cidr, of}. */}}
{{- define "servicecidr-guard.vap.networks" -}}
{{- $rule := .Values.policy.reservedNetworks }}
{{- $networks := list }}
{{- /* Printable ASCII without backticks and backslashes, of at most 64 characters. */}}
{{- $shown := "^[ -\\[\\]-_a-~]{1,64}$" }}
{{- if dig "declared" true $rule }}
{{- range .Values.policy.networks }}
{{- $of := "declared network" }}
{{- if regexMatch "^[a-z0-9.-]{1,64}$" .name }}
{{- $of = printf "%s %s" $of .name }}
{{- else if regexMatch $shown .name }}
{{- $of = printf "%s `%s`" $of .name }}
{{- end }}
{{- with .description }}
{{- if regexMatch $shown . }}{{ $of = printf "%s (%s)" $of . }}{{ end }}
{{- end }}
{{- $networks = append $networks (dict "cidr" .cidr "of" $of) }}
{{- end }}
{{- end }}
{{- range $preset := .Files.Get "files/presets.yaml" | fromYamlArray }}
{{- if has .name (dig "presets" list $rule) }}
{{- range .networks }}
{{- $networks = append $networks (dict "cidr" .cidr "of" (printf "preset %s (%s)" $preset.name .source)) }}
{{- end }}
{{- end }}
{{- end }}
{{- toRawJson $networks }}
{{- end }}
