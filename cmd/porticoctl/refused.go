package main

// refusedCommands are commands of RabbitMQ's tools that need a cluster, mirrors or Erlang.
func refusedCommands() map[string]command {
	all := map[string]command{}
	for reason, names := range map[string][]string{
		"Portico runs as one node": {
			"join_cluster", "rename_cluster_node", "change_cluster_node_type", "forget_cluster_node", "update_cluster_nodes",
			"force_boot", "add_member", "delete_member", "grow", "shrink", "reclaim_quorum_memory",
		},
		"no queue is mirrored":                  {"sync_queue", "cancel_sync_queue"},
		"the process ends by a signal, SIGTERM": {"stop", "shutdown", "wait"},
		"Portico does not run Erlang":           {"remote_shell", "observer", "force_gc", "os_env", "erlang_version", "runtime_thread_stats"},
	} {
		for _, name := range names {
			all[name] = command{"[...]", "Refused: " + reason, 0, many, refuse(name, reason)}
		}
	}
	return all
}
