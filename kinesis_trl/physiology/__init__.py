"""What muscles, joints and feet did while a clip was played, against what is known of people."""
