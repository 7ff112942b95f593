package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	networkingv1listers "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/controller/servicecidrs"
)

// The time limit of the controller for one ServiceCIDR.
const patience = 10 * time.Second

// deleter runs kube-controller-manager's controller of ServiceCIDRs.
type deleter struct {
	cluster *cluster
	done    chan done
}

// done is the action of the controller on a ServiceCIDR.
type done struct {
	name    string
	removed bool
	unknown string
}

func newDeleter() *deleter {
	d := &deleter{cluster: newCluster(), done: make(chan done, 1)}
	d.cluster.client.PrependReactor("*", "*", d.react)
	lister := networkingv1listers.NewServiceCIDRLister(d.cluster.serviceCIDRs)
	controller := servicecidrs.NewController(context.Background(), serviceCIDRInformer{d.cluster.serviceCIDRs, lister},
		addressInformer{d.cluster.addresses}, d.cluster.client)
	go controller.Run(context.Background(), 1)
	return d
}

// react handles every write of the controller.
func (d *deleter) react(action testing.Action) (bool, runtime.Object, error) {
	patch, ok := action.(testing.PatchAction)
	if !ok {
		d.done <- done{unknown: fmt.Sprintf("%s %s", action.GetVerb(), action.GetResource().Resource)}
		return true, &networkingv1.ServiceCIDR{}, nil
	}
	wrote := done{name: patch.GetName()}
	var patched struct {
		Metadata struct {
			Removed []string `json:"$deleteFromPrimitiveList/finalizers"`
		} `json:"metadata"`
		Status networkingv1.ServiceCIDRStatus `json:"status"`
	}
	err := json.Unmarshal(patch.GetPatch(), &patched)
	isBlocked := func(condition metav1.Condition) bool {
		return condition.Type == networkingv1.ServiceCIDRConditionReady &&
			condition.Status == metav1.ConditionFalse &&
			condition.Reason == networkingv1.ServiceCIDRReasonTerminating
	}
	switch {
	case err == nil && action.GetSubresource() == "" &&
		slices.Equal(patched.Metadata.Removed, []string{servicecidrs.ServiceCIDRProtectionFinalizer}):
		wrote.removed = true
	case err == nil && action.GetSubresource() == "status" && slices.ContainsFunc(patched.Status.Conditions, isBlocked):
	default:
		wrote.unknown = string(patch.GetPatch())
	}
	d.done <- wrote
	return true, &networkingv1.ServiceCIDR{}, nil
}

// canDelete marks a ServiceCIDR as deleted some time ago, and returns whether the controller removes
// its finalizer.
func (d *deleter) canDelete(asked *question) any {
	if err := d.cluster.fill(asked.ServiceCIDRs, asked.Addresses); err != nil {
		return failure{Error: err.Error()}
	}
	d.cluster.client.ClearActions()
	place := slices.IndexFunc(asked.ServiceCIDRs, func(s storedServiceCIDR) bool { return s.Name == asked.Name })
	if place < 0 {
		return failure{Error: fmt.Sprintf("canDelete: no ServiceCIDR %q", asked.Name)}
	}
	deleted := asked.ServiceCIDRs[place]
	deleted.Terminating = true
	object := deleted.object()
	if err := d.cluster.serviceCIDRs.Update(object); err != nil {
		return failure{Error: err.Error()}
	}
	for _, handler := range d.cluster.serviceCIDRs.informer.handlers {
		handler.OnUpdate(object, object)
	}
	select {
	case wrote := <-d.done:
		if wrote.unknown != "" || wrote.name != asked.Name {
			return failure{Error: fmt.Sprintf("canDelete: %q: %s", wrote.name, wrote.unknown)}
		}
		return wrote.removed
	case <-time.After(patience):
		return failure{Error: "canDelete: the controller does nothing"}
	}
}

// object has the controller's finalizer, and other conditions than the controller sets, so that it always
// writes.
func (s storedServiceCIDR) object() *networkingv1.ServiceCIDR {
	object := &networkingv1.ServiceCIDR{
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Finalizers: []string{servicecidrs.ServiceCIDRProtectionFinalizer}},
		Spec:       networkingv1.ServiceCIDRSpec{CIDRs: s.CIDRs},
	}
	if s.Terminating {
		object.DeletionTimestamp = &metav1.Time{Time: time.Now().Add(-time.Hour)}
	}
	if s.Ready != "" {
		object.Status.Conditions = []metav1.Condition{{
			Type:   networkingv1.ServiceCIDRConditionReady,
			Status: metav1.ConditionStatus(s.Ready),
			Reason: "Asked",
		}}
	}
	return object
}
