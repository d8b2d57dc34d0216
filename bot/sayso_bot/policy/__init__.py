"""From YAML to a policy that judges: documents with line and column, and conditions in CEL."""
