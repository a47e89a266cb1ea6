package broker

// The ways in which a build with the tag crash_fault can be broken.
const (
	faultConfirm       = "confirm"       // a message is confirmed before it is stored
	faultSettlement    = "settlement"    // a settlement is answered and not recorded
	faultBinding       = "binding"       // a binding is answered and not recorded
	faultDeduplication = "deduplication" // a part of a transaction forgets that it was applied
	faultMoving        = "moving"        // a restart forgets which delayed messages were being moved
	faultCompaction    = "compaction"    // a restart takes a copied delayed message for another one
)
