package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/networking"
	"k8s.io/kubernetes/pkg/apis/networking/validation"
)

// invalid is one error of kube-apiserver's own validation.
type invalid struct {
	Field  string `json:"field"`
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

func validateCreate(cidrs []string) []invalid {
	return listed(validation.ValidateServiceCIDR(serviceCIDR(cidrs)))
}

func validateUpdate(old, updated []string) []invalid {
	return listed(validation.ValidateServiceCIDRUpdate(serviceCIDR(updated), serviceCIDR(old)))
}

// serviceCIDR has metadata that is valid both in a new object and on both sides of an update.
func serviceCIDR(cidrs []string) *networking.ServiceCIDR {
	return &networking.ServiceCIDR{
		ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "a", ResourceVersion: "1"},
		Spec:       networking.ServiceCIDRSpec{CIDRs: cidrs},
	}
}

func listed(errs field.ErrorList) []invalid {
	list := make([]invalid, 0, len(errs))
	for _, err := range errs {
		list = append(list, invalid{Field: err.Field, Type: string(err.Type), Detail: err.Detail})
	}
	return list
}
