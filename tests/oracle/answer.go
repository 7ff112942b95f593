package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"

	admissionv1 "k8s.io/api/admission/v1"
	admissionv1beta1 "k8s.io/api/admission/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/admission"
	webhookerrors "k8s.io/apiserver/pkg/admission/plugin/webhook/errors"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/request"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/rest"
)

const webhookName = "servicecidrs.servicecidr-guard.example.com"

// received is the response of a validating webhook as kube-apiserver parses it.
type received struct {
	// Error is the reason that the response is invalid, empty if it is valid.
	Error            string            `json:"error"`
	Allowed          bool              `json:"allowed"`
	Code             int32             `json:"code"`
	Reason           string            `json:"reason"`
	Message          string            `json:"message"`
	Warnings         []string          `json:"warnings"`
	AuditAnnotations map[string]string `json:"auditAnnotations"`
	// Rejection is the message of the denial that the user gets.
	Rejection string `json:"rejection"`
	// BadAnnotations has the reason for each key that the audit event drops.
	BadAnnotations map[string]string `json:"badAnnotations"`
	// Delivered has the warnings that the user gets.
	Delivered []string `json:"delivered"`
}

// receiver calls webhooks like kube-apiserver, but without a network.
type receiver struct {
	client *rest.RESTClient
	wire   *wire
}

// wire responds to every call with the same body.
type wire struct{ body []byte }

func (w *wire) RoundTrip(call *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": []string{"application/json"}},
		Body:       io.NopCloser(bytes.NewReader(w.body)),
		Request:    call,
	}, nil
}

func newReceiver() (*receiver, error) {
	scheme := runtime.NewScheme()
	if err := admissionv1beta1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := admissionv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	versions := []schema.GroupVersion{admissionv1beta1.SchemeGroupVersion, admissionv1.SchemeGroupVersion}
	codec := serializer.NewCodecFactory(scheme).LegacyCodec(versions...)
	wire := &wire{}
	client, err := rest.UnversionedRESTClientFor(&rest.Config{
		Host:      "http://webhook.invalid",
		QPS:       -1,
		Transport: wire,
		ContentConfig: rest.ContentConfig{
			ContentType:          runtime.ContentTypeJSON,
			NegotiatedSerializer: serializer.NegotiatedSerializerWrapper(runtime.SerializerInfo{Serializer: codec}),
		},
	})
	if err != nil {
		return nil, err
	}
	return &receiver{client: client, wire: wire}, nil
}

func (r *receiver) verify(uid string, review []byte) received {
	r.wire.body = review
	sent := &admissionv1.AdmissionReview{Request: &admissionv1.AdmissionRequest{UID: types.UID(uid)}}
	answer := &admissionv1.AdmissionReview{}
	if err := r.client.Post().Body(sent).Do(context.Background()).Into(answer); err != nil {
		return received{Error: "failed to call webhook: " + err.Error()}
	}
	response, err := request.VerifyAdmissionResponse(types.UID(uid), false, answer)
	if err != nil {
		return received{Error: "received invalid webhook response: " + err.Error()}
	}
	seen := received{
		Allowed:          response.Allowed,
		Warnings:         response.Warnings,
		AuditAnnotations: response.AuditAnnotations,
		BadAnnotations:   badAnnotations(response.AuditAnnotations),
		Delivered:        delivered(response.Warnings),
	}
	if status := response.Result; status != nil {
		seen.Code, seen.Reason, seen.Message = status.Code, string(status.Reason), status.Message
	}
	if !response.Allowed {
		seen.Rejection = webhookerrors.ToStatusErr(webhookName, response.Result).ErrStatus.Message
	}
	return seen
}

func badAnnotations(annotations map[string]string) map[string]string {
	bad := map[string]string{}
	attributes := admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "", "",
		schema.GroupVersionResource{}, "", admission.Create, nil, false, nil)
	for key, value := range annotations {
		if err := attributes.AddAnnotation(webhookName+"/"+key, value); err != nil {
			bad[key] = err.Error()
		}
	}
	return bad
}

// delivered sends warnings through kube-apiserver's recorder and reads the headers as a client does.
func delivered(warnings []string) []string {
	texts := []string{}
	if len(warnings) == 0 {
		return texts
	}
	warn := http.HandlerFunc(func(_ http.ResponseWriter, call *http.Request) {
		for _, text := range warnings {
			warning.AddWarning(call.Context(), "", text)
		}
	})
	recorder := httptest.NewRecorder()
	filters.WithWarningRecorder(warn).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", nil))
	headers, _ := utilnet.ParseWarningHeaders(recorder.Header()["Warning"])
	for _, header := range headers {
		texts = append(texts, header.Text)
	}
	return texts
}
