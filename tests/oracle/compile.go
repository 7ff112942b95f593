package main

import (
	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
)

// compile returns the errors of the expressions of a ValidatingAdmissionPolicy in the CEL of a
// Kubernetes version.
func compile(release string, expressions []string) any {
	parsed, err := version.ParseGeneric(release)
	if err != nil {
		return failure{Error: err.Error()}
	}
	set, err := environment.MustBaseEnvSet(parsed).Extend(environment.VersionedOptions{
		IntroducedVersion: parsed,
		EnvOptions: []cel.EnvOption{
			cel.Variable("object", cel.DynType),
			cel.Variable("oldObject", cel.DynType),
			cel.Variable("request", cel.DynType),
			cel.Variable("variables", cel.MapType(cel.StringType, cel.DynType)),
		},
	})
	if err != nil {
		return failure{Error: err.Error()}
	}
	found := []string{}
	for _, expression := range expressions {
		if _, issues := set.NewExpressionsEnv().Compile(expression); issues.Err() != nil {
			found = append(found, issues.String())
		}
	}
	return found
}
