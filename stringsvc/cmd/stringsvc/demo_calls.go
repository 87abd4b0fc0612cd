package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// demoWords are what the demo's calls send.
var demoWords = [demoCalls]string{
	"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
}

// callDemo sends the calls one after the other, shows each, and returns how many answers were wrong.
func callDemo(ctx context.Context, front string, out io.Writer) (wrong int) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, word := range demoWords {
		answer, err := uppercase(ctx, client, front, word)
		switch {
		case err != nil:
			fmt.Fprintf(out, "%-7s failed: %v\n", word, err)
			wrong++
		case answer != strings.ToUpper(word):
			fmt.Fprintf(out, "%-7s answered %q, want %q\n", word, answer, strings.ToUpper(word))
			wrong++
		default:
			fmt.Fprintf(out, "%-7s %s\n", word, answer)
		}
	}
	return wrong
}

func uppercase(ctx context.Context, client *http.Client, front, word string) (string, error) {
	body, err := json.Marshal(map[string]string{"s": word})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+front+"/uppercase", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(reply))
	}
	var answer struct {
		V string `json:"v"`
	}
	return answer.V, json.Unmarshal(reply, &answer)
}

// maxDemoRate is the most calls a second that the demo sends.
const maxDemoRate = 1000

// load sends calls until ctx ends, past the log: nobody could read it.
func (d *demonstration) load(ctx context.Context, rate int) {
	if rate == 0 {
		<-ctx.Done()
		return
	}
	var calls sync.WaitGroup
	defer calls.Wait()
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			calls.Go(func() { _, _ = d.front.service.Uppercase(ctx, demoWords[n%demoCalls]) })
		}
	}
}

// table shows how many calls each replica answered, as the front counted them.
func (d *demonstration) table(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nreplica\tanswered\tfailed\tlatency")
	for _, n := range d.front.front.Stats().Nodes {
		fmt.Fprintf(t, "%s\t%d\t%d\t%v\n", n.Instance.Addr, n.Attempts.Success, n.Attempts.Failure,
			n.Latency.Round(time.Microsecond))
	}
	_ = t.Flush()
}
