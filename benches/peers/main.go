// Command peers runs the Kubernetes code that the benchmarks compare with: the real ClusterIP
// allocator and client-go's typed decoding. It reads one command per line and writes one line of
// JSON for each, so that the rounds of both sides can take turns.
//
//	fill COUNT CIDR   fill an informer's store with COUNT IPAddresses, an allocator over CIDR
//	used              one call of Used()
//	allocate          one call of AllocateNext()
//	load FILE         keep the LIST pages of FILE, one per line, in memory
//	decode            decode every page once
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/registry/core/service/ipallocator"
)

// answer is the duration and the result of a command.
type answer struct {
	WallNs int64 `json:"wall_ns"`
	CPUNs  int64 `json:"cpu_ns"`
	Count  int   `json:"count"`
}

type peer struct {
	allocator *ipallocator.Allocator
	pages     [][]byte
}

func main() {
	var p peer
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		fields := strings.Fields(commands.Text())
		run, err := p.command(fields)
		if err != nil {
			log.Fatalf("%v: %v", fields, err)
		}
		a, err := measured(run)
		if err != nil {
			log.Fatalf("%v: %v", fields, err)
		}
		line, _ := json.Marshal(a)
		fmt.Println(string(line))
	}
}

func (p *peer) command(fields []string) (func() (int, error), error) {
	switch {
	case len(fields) == 3 && fields[0] == "fill":
		return func() (int, error) { return p.fill(fields[1], fields[2]) }, nil
	case len(fields) == 1 && fields[0] == "used":
		return func() (int, error) { return p.allocator.Used(), nil }, nil
	case len(fields) == 1 && fields[0] == "allocate":
		return func() (int, error) { _, err := p.allocator.AllocateNext(); return 1, err }, nil
	case len(fields) == 2 && fields[0] == "load":
		return func() (int, error) { return p.load(fields[1]) }, nil
	case len(fields) == 1 && fields[0] == "decode":
		return p.decode, nil
	}
	return nil, fmt.Errorf("unknown command")
}

// measured runs a command after a garbage collection, and measures its time. CPU is that of the whole
// process, including the collector's threads.
func measured(run func() (int, error)) (answer, error) {
	runtime.GC()
	before, start := cpu(), time.Now()
	count, err := run()
	return answer{WallNs: time.Since(start).Nanoseconds(), CPUNs: cpu() - before, Count: count}, err
}

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// fill creates the allocator of kube-apiserver, with a store of the first COUNT addresses of the
// CIDR. Created objects are dropped: the store doesn't change.
func (p *peer) fill(count, cidr string) (int, error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return 0, err
	}
	_, network, err := net.ParseCIDR(cidr)
	if err != nil {
		return 0, err
	}
	client := fake.NewClientset()
	client.PrependReactor("create", "ipaddresses", func(action clienttesting.Action) (bool, apiruntime.Object, error) {
		return true, action.(clienttesting.CreateAction).GetObject(), nil
	})
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Networking().V1().IPAddresses()
	p.allocator, err = ipallocator.NewIPAllocator(network, client.NetworkingV1(), informer)
	if err != nil {
		return 0, err
	}
	stop := make(chan struct{})
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	store := informer.Informer().GetStore()
	address := netip.MustParsePrefix(cidr).Addr()
	for range n {
		address = address.Next()
		if err := store.Add(ipAddress(address.String())); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func ipAddress(name string) *networkingv1.IPAddress {
	return &networkingv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				networkingv1.LabelIPAddressFamily: "IPv4",
				networkingv1.LabelManagedBy:       ipallocator.ControllerName,
			},
		},
		Spec: networkingv1.IPAddressSpec{
			ParentRef: &networkingv1.ParentReference{Resource: "services", Namespace: "default", Name: "s-" + name},
		},
	}
}

func (p *peer) load(file string) (int, error) {
	text, err := os.ReadFile(file)
	p.pages = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return len(p.pages), err
}

// decode decodes every page like client-go decodes the body of a typed LIST.
func (p *peer) decode() (int, error) {
	info, ok := apiruntime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), apiruntime.ContentTypeJSON)
	if !ok {
		return 0, fmt.Errorf("no serializer of JSON")
	}
	decoder := scheme.Codecs.WithoutConversion().DecoderToVersion(info.Serializer, networkingv1.SchemeGroupVersion)
	count := 0
	for _, page := range p.pages {
		var list networkingv1.IPAddressList
		if _, _, err := decoder.Decode(page, nil, &list); err != nil {
			return 0, err
		}
		count += len(list.Items)
	}
	return count, nil
}
