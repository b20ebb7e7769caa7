"""What can be measured on a text: style probe, SocioT, lexical profile, language, word stems."""
