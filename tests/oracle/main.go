// The oracle answers questions with the code of Kubernetes 1.37.2, for tests that compare
// servicecidr-guard with it.
//
// It reads questions as lines of JSON from stdin and writes one answer per question as a line of
// JSON to stdout, in order. "ask" is the kind of question, the other fields are its arguments:
//
//	{"ask":"validateCreate","cidrs":["10.0.0.0/24"]}      [{"field","type","detail"}], empty when valid
//	{"ask":"validateUpdate","old":[...],"new":[...]}      the same
//	{"ask":"cel","allowed":[...],"cidrs":[...]}           "allow", "deny" or "error"; no cidrs: no key
//	{"ask":"cidr","text":"10.0.0.1/24"}                   {"is":true,"masked":"10.0.0.0/24"}
//	{"ask":"compile","version":"1.33","expressions":[...]}  the errors of that release of CEL
//	{"ask":"verify","uid":"...","review":{...}}           a response as kube-apiserver parses it
//	{"ask":"allocate","cidr":"10.0.0.0/24",...}           allocations from one range
//	{"ask":"allocateMeta",...}                            and from the ranges of all "serviceCIDRs"
//	{"ask":"canDelete","name":"a",...}                    whether kube-controller-manager removes its finalizer
//
// The last three need a cluster with
//
//	"serviceCIDRs":[{"name":"a","cidrs":["10.0.0.0/24"],"terminating":false,"ready":"True"}]
//	"addresses":[{"name":"10.0.0.1","managed":true}]
//
// To allocate, "static" lists the requested addresses, and "count" is the number of allocations per
// family after them, without a request. "ready" can be "True", "False", "Unknown" or empty;
// "managed" is whether the IPAddress has the labels of kube-apiserver's allocator.
//
// The answer to an invalid question is {"error":"..."}.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"k8s.io/klog/v2"
)

type question struct {
	Ask     string          `json:"ask"`
	Text    *string         `json:"text"`
	CIDRs   []string        `json:"cidrs"`
	Old     []string        `json:"old"`
	New     []string        `json:"new"`
	Allowed []string        `json:"allowed"`
	Version string          `json:"version"`
	UID     string          `json:"uid"`
	Review  json.RawMessage `json:"review"`

	Expressions  []string            `json:"expressions"`
	CIDR         string              `json:"cidr"`
	ServiceCIDRs []storedServiceCIDR `json:"serviceCIDRs"`
	Addresses    []storedAddress     `json:"addresses"`
	Static       []string            `json:"static"`
	Count        int                 `json:"count"`
	Name         string              `json:"name"`
}

type failure struct {
	Error string `json:"error"`
}

func main() {
	// The code of Kubernetes logs every step.
	klog.SetLogger(klog.Logger{})
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

// serve answers questions until the input ends. Answers are buffered only while a question is waiting.
func serve(in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<16)
	writer := bufio.NewWriterSize(out, 1<<16)
	oracle, err := newOracle()
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		line, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := encoder.Encode(oracle.answer(line)); err != nil {
				return err
			}
		}
		if err != nil || reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type oracle struct {
	cel      *celPolicy
	receiver *receiver
	deleter  func() *deleter
}

func newOracle() (*oracle, error) {
	policy, err := newCELPolicy()
	if err != nil {
		return nil, err
	}
	receiver, err := newReceiver()
	if err != nil {
		return nil, err
	}
	return &oracle{cel: policy, receiver: receiver, deleter: sync.OnceValue(newDeleter)}, nil
}

func (o *oracle) answer(line []byte) any {
	var asked question
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return failure{Error: err.Error()}
	}
	if decoder.More() {
		return failure{Error: "more than one question on a line"}
	}
	switch asked.Ask {
	case "validateCreate":
		return validateCreate(asked.CIDRs)
	case "validateUpdate":
		return validateUpdate(asked.Old, asked.New)
	case "cel":
		return o.cel.verdict(asked.Allowed, asked.CIDRs)
	case "cidr":
		if asked.Text == nil {
			return failure{Error: "cidr: no text"}
		}
		return o.cel.cidr(*asked.Text)
	case "compile":
		return compile(asked.Version, asked.Expressions)
	case "verify":
		return o.receiver.verify(asked.UID, asked.Review)
	case "allocate":
		return allocate(&asked)
	case "allocateMeta":
		return allocateMeta(&asked)
	case "canDelete":
		return o.deleter().canDelete(&asked)
	default:
		return failure{Error: fmt.Sprintf("unknown question %q", asked.Ask)}
	}
}
