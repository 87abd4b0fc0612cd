// Package rota calls replicated services.
package rota
