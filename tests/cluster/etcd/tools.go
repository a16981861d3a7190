//go:build tools

// Package tools names the program that the bed is built from, so that
// `go mod tidy` keeps what it needs in go.mod and go.sum.
package tools

import _ "go.etcd.io/etcd/server/v3"
