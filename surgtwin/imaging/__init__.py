"""Operations on voxel arrays: resampling, distance, morphology, thumbnails."""
