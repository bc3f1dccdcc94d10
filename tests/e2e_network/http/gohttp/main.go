// Go's net/http as tests drive it: the port, then asks as JSON; outcomes as JSON on stdout.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"
)

type outcome struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
	Size    int         `json:"size"`
	Digest  string      `json:"digest"`
	Error   string      `json:"error"`
	MS      float64     `json:"ms"`
}

// kind names an error as Go programs tell them apart.
func kind(err error) string {
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}

func one(client *http.Client, base string, ask [3]string) (int, [][2]string, []byte, error) {
	var body io.Reader
	if ask[2] != "" {
		body = strings.NewReader(ask[2])
	}
	request, err := http.NewRequest(ask[0], base+ask[1], body)
	if err != nil {
		return 0, nil, nil, err
	}
	got, err := client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	if err != nil {
		return 0, nil, nil, err
	}
	headers := [][2]string{}
	for name, values := range got.Header {
		for _, value := range values {
			headers = append(headers, [2]string{name, value})
		}
	}
	sort.SliceStable(headers, func(i, j int) bool { return headers[i][0] < headers[j][0] })
	return got.StatusCode, headers, content, nil
}

func main() {
	var asks [][3]string
	if err := json.Unmarshal([]byte(os.Args[2]), &asks); err != nil {
		panic(err)
	}
	client := &http.Client{Timeout: 20 * time.Second}
	outcomes := []outcome{}
	for _, ask := range asks {
		start := time.Now()
		status, headers, content, err := one(client, "http://127.0.0.1:"+os.Args[1], ask)
		digest := sha256.Sum256(content)
		result := outcome{status, headers, len(content), hex.EncodeToString(digest[:]), "", 0}
		if err != nil {
			result.Error = kind(err)
		}
		result.MS = float64(time.Since(start).Microseconds()) / 1000
		outcomes = append(outcomes, result)
	}
	json.NewEncoder(os.Stdout).Encode(outcomes)
}
