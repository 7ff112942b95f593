// Command nethttp is a minimal webhook with only net/http and the types of k8s.io/api. It has no log,
// no metrics and no inventory.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"servicecidr-guard/benches/peers/rule"
)

func main() {
	listen := flag.String("listen", "", "where to answer")
	certs := flag.String("certs", "", "the folder of tls.crt and tls.key")
	allowed := flag.String("allowed", "", "the allowed ranges, with commas between them")
	flag.Parse()
	ranges, err := rule.Parse(*allowed)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /validate", func(w http.ResponseWriter, r *http.Request) {
		answer, err := validate(ranges, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	log.Fatal(http.ListenAndServeTLS(*listen, *certs+"/tls.crt", *certs+"/tls.key", mux))
}

func validate(ranges rule.Ranges, body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(text, &review); err != nil {
		return nil, err
	}
	var object networkingv1.ServiceCIDR
	if err := json.Unmarshal(review.Request.Object.Raw, &object); err != nil {
		return nil, err
	}
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if denial := ranges.Denial(object.Spec.CIDRs); denial != "" {
		response.Allowed = false
		response.Result = &metav1.Status{Message: denial, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden}
	}
	return json.Marshal(admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
}
