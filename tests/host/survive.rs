//! What survives the agent.
