package main

import (
	"fmt"

	"github.com/google/cel-go/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// The expression of the documented ValidatingAdmissionPolicy servicecidrs.default.
const allowedRanges = "object.spec.cidrs.all(newCIDR, " +
	"variables.allowed.exists(allowedCIDR, cidr(allowedCIDR).containsCIDR(newCIDR)))"

// celPolicy is that policy, and CEL's cidr(), in the environment kube-apiserver evaluates them in.
type celPolicy struct {
	allowed cel.Program
	isCIDR  cel.Program
	masked  cel.Program
}

func newCELPolicy() (*celPolicy, error) {
	version := environment.DefaultCompatibilityVersion()
	set, err := environment.MustBaseEnvSet(version).Extend(environment.VersionedOptions{
		IntroducedVersion: version,
		EnvOptions: []cel.EnvOption{
			cel.Variable("object", cel.DynType),
			cel.Variable("variables.allowed", cel.ListType(cel.StringType)),
			cel.Variable("text", cel.StringType),
		},
	})
	if err != nil {
		return nil, err
	}
	env := set.NewExpressionsEnv()
	policy := &celPolicy{}
	for expression, program := range map[string]*cel.Program{
		allowedRanges:         &policy.allowed,
		"isCIDR(text)":        &policy.isCIDR,
		"cidr(text).masked()": &policy.masked,
	} {
		ast, issues := env.Compile(expression)
		if issues.Err() != nil {
			return nil, fmt.Errorf("%s: %w", expression, issues.Err())
		}
		if *program, err = env.Program(ast); err != nil {
			return nil, fmt.Errorf("%s: %w", expression, err)
		}
	}
	return policy, nil
}

// verdict is "allow", "deny" or "error". Nil cidrs mean an absent key.
func (p *celPolicy) verdict(allowed, cidrs []string) string {
	spec := map[string]any{}
	if cidrs != nil {
		list := make([]any, 0, len(cidrs))
		for _, cidr := range cidrs {
			list = append(list, cidr)
		}
		spec["cidrs"] = list
	}
	result, _, err := p.allowed.Eval(map[string]any{
		"object":            map[string]any{"spec": spec},
		"variables.allowed": allowed,
	})
	switch {
	case err != nil:
		return "error"
	case result.Value() == true:
		return "allow"
	default:
		return "deny"
	}
}

// parsed is the result of CEL's cidr() for a text.
type parsed struct {
	Is     bool   `json:"is"`
	Masked string `json:"masked"`
}

func (p *celPolicy) cidr(text string) any {
	given := map[string]any{"text": text}
	is, _, err := p.isCIDR.Eval(given)
	if err != nil {
		return failure{Error: err.Error()}
	}
	masked, _, err := p.masked.Eval(given)
	if (is.Value() == true) != (err == nil) {
		return failure{Error: fmt.Sprintf("isCIDR says %v and cidr says %v", is.Value(), err)}
	}
	if err != nil {
		return parsed{}
	}
	cidr, ok := masked.(apiservercel.CIDR)
	if !ok {
		return failure{Error: fmt.Sprintf("cidr is a %T", masked)}
	}
	return parsed{Is: true, Masked: cidr.Prefix.String()}
}
