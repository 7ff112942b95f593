// Package rule is the rule of both webhooks: every CIDR must be within an allowed range.
package rule

import (
	"fmt"
	"net/netip"
	"strings"
)

// Ranges are the allowed ranges.
type Ranges []netip.Prefix

// Parse reads ranges separated by commas.
func Parse(list string) (Ranges, error) {
	var ranges Ranges
	for text := range strings.SplitSeq(list, ",") {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, prefix.Masked())
	}
	return ranges, nil
}

// Denial names the CIDR that is outside; it is empty if there is none.
func (r Ranges) Denial(cidrs []string) string {
	var outside []string
	for place, text := range cidrs {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			outside = append(outside, fmt.Sprintf("spec.cidrs[%d]: %v", place, err))
		} else if !r.hold(prefix) {
			outside = append(outside, fmt.Sprintf("spec.cidrs[%d]: %s is outside the allowed ranges", place, text))
		}
	}
	return strings.Join(outside, "; ")
}

func (r Ranges) hold(prefix netip.Prefix) bool {
	for _, allowed := range r {
		if allowed.Bits() <= prefix.Bits() && allowed.Contains(prefix.Addr()) {
			return true
		}
	}
	return false
}
