"""The musculoskeletal body and its physics; knows nothing of clips or of learning."""
