//go:build crash_fault

package broker

// fault is set by the linker (-X) to break this build in one way, on purpose.
var fault string
