"""The durable record of long work: queued, claimed, checkpointed, ended, resumed."""
