package main

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	networkingv1listers "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/registry/core/service/ipallocator"
)

// storedAddress is an IPAddress. A managed one has both labels of kube-apiserver's allocator.
type storedAddress struct {
	Name    string `json:"name"`
	Managed bool   `json:"managed"`
}

// storedServiceCIDR is a ServiceCIDR. Ready is the status of that condition, empty for none.
type storedServiceCIDR struct {
	Name        string   `json:"name"`
	CIDRs       []string `json:"cidrs"`
	Terminating bool     `json:"terminating"`
	Ready       string   `json:"ready"`
}

// store has the stored objects of one kind, and is the cache of its informer too, which is always current.
type store struct {
	cache.Indexer
	informer *informer
}

// informer keeps the registered event handlers, and calls none by itself.
type informer struct {
	cache.SharedIndexInformer
	handlers []cache.ResourceEventHandler
}

func newStore() store {
	return store{cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}), &informer{}}
}

func (s store) Informer() cache.SharedIndexInformer { return s.informer }

func (*informer) HasSynced() bool { return true }

func (i *informer) AddEventHandler(
	handler cache.ResourceEventHandler,
) (cache.ResourceEventHandlerRegistration, error) {
	i.handlers = append(i.handlers, handler)
	return nil, nil
}

type addressInformer struct{ store }

func (i addressInformer) Lister() networkingv1listers.IPAddressLister {
	return networkingv1listers.NewIPAddressLister(i.store)
}

type serviceCIDRInformer struct {
	store
	lister networkingv1listers.ServiceCIDRLister
}

func (i serviceCIDRInformer) Lister() networkingv1listers.ServiceCIDRLister { return i.lister }

// cluster has the IPAddresses and ServiceCIDRs of a cluster, and a client that creates IPAddresses.
type cluster struct {
	addresses    store
	serviceCIDRs store
	client       *fake.Clientset
}

func newCluster() *cluster {
	c := &cluster{addresses: newStore(), serviceCIDRs: newStore(), client: &fake.Clientset{}}
	c.client.AddReactor("create", "ipaddresses", c.createAddress)
	return c
}

func (c *cluster) createAddress(action testing.Action) (bool, runtime.Object, error) {
	created := action.(testing.CreateAction).GetObject().(*networkingv1.IPAddress)
	if _, exists, _ := c.addresses.GetByKey(created.Name); exists {
		return true, nil, apierrors.NewAlreadyExists(networkingv1.Resource("ipaddresses"), created.Name)
	}
	return true, created, c.addresses.Add(created)
}

// fill replaces all stored objects.
func (c *cluster) fill(serviceCIDRs []storedServiceCIDR, addresses []storedAddress) error {
	items := make([]any, 0, len(addresses))
	for _, address := range addresses {
		items = append(items, address.object())
	}
	if err := c.addresses.Replace(items, ""); err != nil {
		return err
	}
	items = make([]any, 0, len(serviceCIDRs))
	for _, serviceCIDR := range serviceCIDRs {
		items = append(items, serviceCIDR.object())
	}
	return c.serviceCIDRs.Replace(items, "")
}

func (a storedAddress) object() *networkingv1.IPAddress {
	object := &networkingv1.IPAddress{ObjectMeta: metav1.ObjectMeta{Name: a.Name}}
	if a.Managed {
		family := "IPv4"
		if strings.Contains(a.Name, ":") {
			family = "IPv6"
		}
		object.Labels = map[string]string{
			networkingv1.LabelIPAddressFamily: family,
			networkingv1.LabelManagedBy:       ipallocator.ControllerName,
		}
	}
	return object
}

// allocated has the size and allocations of one range.
type allocated struct {
	// Refused is the error of the allocator, empty if there is none.
	Refused string `json:"refused"`
	Size    uint64 `json:"size"`
	First   string `json:"first"`
	Last    string `json:"last"`
	// Offset is the size of the static band, Dynamic the first address after it.
	Offset  int64  `json:"offset"`
	Dynamic string `json:"dynamic"`
	Used    int    `json:"used"`
	Free    int    `json:"free"`
	given
}

// given has the allocations: first the requested addresses, then any.
type given struct {
	// Static has the error for each requested address, empty if it was allocated.
	Static []string `json:"static"`
	// Next has the addresses allocated without a request, in order.
	Next []string `json:"next"`
	// Final has the last error for each family, empty if the count was reached.
	Final []string `json:"final"`
}

func newGiven() given {
	return given{Static: []string{}, Next: []string{}, Final: []string{}}
}

func allocate(asked *question) any {
	_, cidr, err := net.ParseCIDR(asked.CIDR)
	if err != nil {
		return failure{Error: err.Error()}
	}
	cluster := newCluster()
	if err := cluster.fill(nil, asked.Addresses); err != nil {
		return failure{Error: err.Error()}
	}
	allocator, err := ipallocator.NewIPAllocator(
		cidr, cluster.client.NetworkingV1(), addressInformer{cluster.addresses})
	if err != nil {
		return allocated{Refused: err.Error(), given: newGiven()}
	}
	fields := reflect.ValueOf(allocator).Elem()
	answer := allocated{
		Size:    fields.FieldByName("size").Uint(),
		First:   hidden(fields, "firstAddress"),
		Last:    hidden(fields, "lastAddress"),
		Offset:  fields.FieldByName("rangeOffset").Int(),
		Dynamic: hidden(fields, "offsetAddress"),
		Used:    allocator.Used(),
		Free:    allocator.Free(),
		given:   newGiven(),
	}
	for _, text := range asked.Static {
		answer.static(allocator, text)
	}
	answer.next(allocator, asked.Count)
	return answer
}

// hidden is an address that the allocator doesn't export.
func hidden(fields reflect.Value, name string) string {
	field := fields.FieldByName(name)
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Interface().(*netip.Addr).String()
}

func (g *given) static(allocator ipallocator.Interface, text string) {
	message := ""
	if ip := net.ParseIP(text); ip == nil {
		message = fmt.Sprintf("%q is not an address", text)
	} else if err := allocator.Allocate(ip); err != nil {
		message = err.Error()
	}
	g.Static = append(g.Static, message)
}

func (g *given) next(allocator ipallocator.Interface, count int) {
	for range count {
		ip, err := allocator.AllocateNext()
		if err != nil {
			g.Final = append(g.Final, err.Error())
			return
		}
		g.Next = append(g.Next, ip.String())
	}
	g.Final = append(g.Final, "")
}

// listing signals when its list is read.
type listing struct {
	networkingv1listers.ServiceCIDRLister
	once  *sync.Once
	begun chan struct{}
}

func (l listing) List(selector labels.Selector) ([]*networkingv1.ServiceCIDR, error) {
	l.once.Do(func() { close(l.begun) })
	return l.ServiceCIDRLister.List(selector)
}

// allocateMeta runs the allocators over all ServiceCIDRs, for IPv4 and IPv6, in their state after a start.
func allocateMeta(asked *question) any {
	cluster := newCluster()
	if err := cluster.fill(asked.ServiceCIDRs, asked.Addresses); err != nil {
		return failure{Error: err.Error()}
	}
	var families []ipallocator.Interface
	for _, isIPv6 := range []bool{false, true} {
		allocator, err := cluster.allocator(isIPv6)
		if err != nil {
			return failure{Error: err.Error()}
		}
		defer allocator.Destroy()
		families = append(families, allocator)
	}
	answer := newGiven()
	for _, text := range asked.Static {
		family := 0
		if strings.Contains(text, ":") {
			family = 1
		}
		answer.static(families[family], text)
	}
	for _, allocator := range families {
		answer.next(allocator, asked.Count)
	}
	return answer
}

// allocator returns an allocator that has loaded all ServiceCIDRs: it keeps its lock while it lists and
// loads them, and takes it for every allocation.
func (c *cluster) allocator(isIPv6 bool) (*ipallocator.MetaAllocator, error) {
	lister := listing{
		networkingv1listers.NewServiceCIDRLister(c.serviceCIDRs), &sync.Once{}, make(chan struct{}),
	}
	allocator, err := ipallocator.NewMetaAllocator(c.client.NetworkingV1(),
		serviceCIDRInformer{c.serviceCIDRs, lister}, addressInformer{c.addresses}, isIPv6, nil)
	if err != nil {
		return nil, err
	}
	// An event of any ServiceCIDR makes it list them all.
	if stored := c.serviceCIDRs.List(); len(stored) > 0 {
		handlers := c.serviceCIDRs.informer.handlers
		handlers[len(handlers)-1].OnAdd(stored[0], true)
		<-lister.begun
	}
	return allocator, nil
}
