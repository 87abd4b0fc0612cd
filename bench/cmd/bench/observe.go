package main

import (
	"fmt"
	"strconv"
	"strings"
)

// failedCalls adds up what the tutorial's metric request_count says of failed calls, in a page of metrics. Calls whose caller
// hung up are none: wrk ends a round in the middle of some, and a front that passes that on counts them as errors too.
func failedCalls(page string) (int, error) {
	const name = "my_group_string_service_request_count"
	sum := 0.0
	seen := false
	for line := range strings.Lines(page) {
		sign := 0.0
		switch {
		case strings.HasPrefix(line, name+"{"):
			seen = true
			if strings.Contains(line, `error="true"`) {
				sign = 1
			}
		case strings.HasPrefix(line, `rota_client_calls_total{result="ignored"`):
			sign = -1
		}
		if sign == 0 {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		if err != nil {
			return 0, fmt.Errorf("metrics: %s: %w", strings.TrimSpace(line), err)
		}
		sum += sign * v
	}
	if !seen {
		return 0, fmt.Errorf("metrics: no %s", name)
	}
	return int(max(sum, 0)), nil
}
