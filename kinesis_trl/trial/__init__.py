"""A laboratory's own trial: markers, force plates and EMG in; muscles, a controller and a comparison out."""
