# Puts ids in place of references: jq --slurpfile ids ids.json -f ids.jq FILE
walk(
  if type == "string" then ($ids[0][.] // .)
  elif type == "object" then with_entries(.key |= ($ids[0][.] // .))
  else . end
)
