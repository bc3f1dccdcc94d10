// Go's net/http over TLS as tests drive it: a URL and a file of authorities; the outcome as JSON on stdout.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"time"
)

type outcome struct {
	Status int    `json:"status"`
	Size   int    `json:"size"`
	Error  string `json:"error"`
}

func get(url string, trusted string) outcome {
	pem, err := os.ReadFile(trusted)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	client := &http.Client{Timeout: 20 * time.Second, Transport: transport}
	got, err := client.Get(url)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	return outcome{Status: got.StatusCode, Size: len(body)}
}

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(get(os.Args[1], os.Args[2])); err != nil {
		panic(err)
	}
}
