package jetstream

import "testing"

// TestCreateAfterDelete makes a stream while the server still takes away the directories of the one before, which was
// the only one of its account.
func TestCreateAfterDelete(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	for i := range 400 {
		if _, err := s.CreateQueueLog(t.Context(), "q"); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if err := s.DeleteQueueLog(t.Context(), "q"); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
}
