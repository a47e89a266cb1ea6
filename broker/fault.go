//go:build !crash_fault

package broker

// fault is empty in every build but those that test/crash makes with the tag
// crash_fault, to show that its checker catches a broken broker.
const fault = ""
