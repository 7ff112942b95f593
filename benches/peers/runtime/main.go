// Command runtime is the webhook written with controller-runtime: its webhook server, handler and
// decoder, and its cache if there is an address of an API server. It logs nothing.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"strconv"

	"github.com/go-logr/logr"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"servicecidr-guard/benches/peers/rule"
)

func main() {
	listen := flag.String("listen", "", "where to answer")
	certs := flag.String("certs", "", "the folder of tls.crt and tls.key")
	allowed := flag.String("allowed", "", "the allowed ranges, with commas between them")
	api := flag.String("api", "", "the API server whose ServiceCIDRs are listed before anything is answered")
	flag.Parse()
	ctrllog.SetLogger(logr.Discard())
	if err := run(context.Background(), *listen, *certs, *allowed, *api); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen, certs, allowed, api string) error {
	ranges, err := rule.Parse(allowed)
	if err != nil {
		return err
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := networkingv1.AddToScheme(scheme); err != nil {
		return err
	}
	if api != "" {
		if err := follow(ctx, scheme, api); err != nil {
			return err
		}
	}
	decoder := admission.NewDecoder(scheme)
	handler := func(_ context.Context, request admission.Request) admission.Response {
		var object networkingv1.ServiceCIDR
		if err := decoder.Decode(request, &object); err != nil {
			return admission.Errored(400, err)
		}
		if denial := ranges.Denial(object.Spec.CIDRs); denial != "" {
			return admission.Denied(denial)
		}
		return admission.Allowed("")
	}
	server := webhook.NewServer(webhook.Options{Host: host, Port: port, CertDir: certs})
	server.Register("/validate", &admission.Webhook{Handler: admission.HandlerFunc(handler)})
	return server.Start(ctx)
}

// follow returns when the ServiceCIDRs are in the cache. The kinds are registered here, so that
// discovery isn't needed.
func follow(ctx context.Context, scheme *runtime.Scheme, api string) error {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(networkingv1.SchemeGroupVersion.WithKind("ServiceCIDR"), meta.RESTScopeRoot)
	known, err := cache.New(&rest.Config{Host: api}, cache.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return err
	}
	if _, err := known.GetInformer(ctx, &networkingv1.ServiceCIDR{}, cache.BlockUntilSynced(false)); err != nil {
		return err
	}
	go func() {
		if err := known.Start(ctx); err != nil {
			log.Fatal(err)
		}
	}()
	if !known.WaitForCacheSync(ctx) {
		log.Fatal("the cache didn't synchronise")
	}
	return nil
}
